package graph_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
)

func init() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	pinAndUnpin := probe{`mutation($id: ID!) {
		orgTimeMachineKeyAdd(input: {orgId: $id, publicKey: ` + string(text) + `}) { org { id timeMachine { audience keys { fingerprint } } } userErrors { code message } }
		orgTimeMachineKeyRemove(input: {orgId: $id, fingerprint: "` + hex.EncodeToString(sum[:]) + `"}) { org { id } userErrors { code message } } }`, anOrg}
	idProbes["Mutation.orgTimeMachineKeyAdd(input.orgId)"] = pinAndUnpin
	idProbes["Mutation.orgTimeMachineKeyRemove(input.orgId)"] = pinAndUnpin
}
