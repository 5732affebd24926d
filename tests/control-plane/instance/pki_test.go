package instance

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

func TestCertificatesAreSignedForTheirUse(t *testing.T) {
	dir := t.TempDir()
	if err := writePKI(dir); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for _, l := range leaves {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, l.name+".crt"), filepath.Join(dir, l.name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		use := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if _, err := pair.Leaf.Verify(use); err != nil {
			t.Errorf("%s as a client: %v", l.name, err)
		}
		if len(pair.Leaf.AuthorityKeyId) == 0 {
			t.Errorf("%s names no authority key: strict clients (Python 3.13) refuse it", l.name)
		}
		for _, host := range []string{"127.0.0.1", "localhost", serviceIP, "kubernetes.default.svc"} {
			if err := pair.Leaf.VerifyHostname(host); (err == nil) != (l.name == "apiserver") {
				t.Errorf("%s as the server %s: %v", l.name, host, err)
			}
		}
	}
}
