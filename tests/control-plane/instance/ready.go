package instance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func etcdReady(ctx context.Context, in *Instance) error {
	return get(ctx, http.DefaultClient, in.etcdURL()+"/health")
}

func apiServerReady(ctx context.Context, in *Instance) error {
	client, err := in.admin()
	if err != nil {
		return err
	}
	return get(ctx, client, in.apiServerURL()+"/readyz")
}

// controllersReady waits for what Pods and token requests need from the controllers: the `default` ServiceAccount and
// the ConfigMap with the cluster's CA.
func controllersReady(ctx context.Context, in *Instance) error {
	client, err := in.admin()
	if err != nil {
		return err
	}
	const namespace = "/api/v1/namespaces/default"
	for _, object := range []string{"/serviceaccounts/default", "/configmaps/kube-root-ca.crt"} {
		if err := get(ctx, client, in.apiServerURL()+namespace+object); err != nil {
			return err
		}
	}
	return nil
}

// admin is a client with the administrator's certificate. It keeps no connection: a restart would break it.
func (in *Instance) admin() (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(in.pki("admin.crt"), in.pki("admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(in.pki("ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
	}}, nil
}

// get succeeds on status 200 within two seconds.
func get(ctx context.Context, client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
}
