package instance

import (
	"encoding/base64"
	"fmt"
	"os"
)

const kubeconfigFormat = `apiVersion: v1
kind: Config
clusters:
- name: control-plane
  cluster:
    server: %[1]s
    certificate-authority-data: %[2]s
users:
- name: %[3]s
  user:
    client-certificate-data: %[4]s
    client-key-data: %[5]s
contexts:
- name: control-plane
  context: {cluster: control-plane, user: %[3]s}
current-context: control-plane
`

// writeKubeconfigs writes the administrator's kubeconfig, with everything inside it, and the controllers'.
func (in *Instance) writeKubeconfigs() error {
	for user, path := range map[string]string{
		"admin":              in.Kubeconfig(),
		"controller-manager": in.pki("controller-manager.kubeconfig"),
	} {
		encoded := make([]any, 0, 5)
		encoded = append(encoded, in.apiServerURL())
		for _, file := range []string{"ca.crt", user + ".crt", user + ".key"} {
			content, err := os.ReadFile(in.pki(file))
			if err != nil {
				return err
			}
			encoded = append(encoded, base64.StdEncoding.EncodeToString(content))
		}
		text := fmt.Sprintf(kubeconfigFormat, encoded[0], encoded[1], user, encoded[2], encoded[3])
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
