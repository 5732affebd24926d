package instance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serviceIP is the address of the `kubernetes` Service: the first one of serviceRange.
const (
	serviceIP    = "10.96.0.1"
	serviceRange = "10.96.0.0/16"
)

// leaf is a certificate that the instance's CA signs. The file names are name.crt and name.key.
type leaf struct {
	name    string
	subject pkix.Name
	dns     []string
	ips     []net.IP
}

// leaves are the identities of the control plane. Kubernetes reads a client's user name from the common name and
// its groups from the organizations.
var leaves = []leaf{
	{
		name:    "apiserver",
		subject: pkix.Name{CommonName: "kube-apiserver"},
		dns:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		ips:     []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)},
	},
	{name: "controller-manager", subject: pkix.Name{CommonName: "system:kube-controller-manager"}},
	{name: "admin", subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}},
}

// writePKI makes a CA, the certificates it signs, and the key pair that signs ServiceAccount tokens. The CA's key is
// not kept.
func writePKI(dir string) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := template(pkix.Name{CommonName: "control-plane-ca"})
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	for _, l := range leaves {
		if err := l.issue(dir, ca, caKey); err != nil {
			return err
		}
	}
	if err := writeTokenKeys(dir); err != nil {
		return err
	}
	// The CA comes last: its presence says that the rest is there.
	return writePEM(filepath.Join(dir, "ca.crt"), "CERTIFICATE", der)
}

func (l leaf) issue(dir string, ca *x509.Certificate, caKey crypto.Signer) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	certificate := template(l.subject)
	certificate.KeyUsage = x509.KeyUsageDigitalSignature
	certificate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	certificate.DNSNames, certificate.IPAddresses = l.dns, l.ips
	der, err := x509.CreateCertificate(rand.Reader, certificate, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, l.name+".key"), key); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, l.name+".crt"), "CERTIFICATE", der)
}

// writeTokenKeys makes an RSA pair, as most clusters have, so that tokens here look like tokens there (RS256).
func writeTokenKeys(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "tokens.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	return writeKey(filepath.Join(dir, "tokens.key"), key)
}

func template(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      subject,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
