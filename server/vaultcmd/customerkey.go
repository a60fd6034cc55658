package vaultcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault"
)

// customerKeyVariable holds one key. There is no flag for the key itself:
// whoever lists processes would see it.
const customerKeyVariable = "HOLDFAST_CUSTOMER_KEY"

// longestKey bounds what is read of a key's file.
const longestKey = 1 << 10

// CustomerKeys are keys of customers' own, which the server's keeper does not open.
type CustomerKeys struct {
	Files []string `name:"customer-key-file" placeholder:"FILE" type:"existingfile" sep:"none" help:"File with a customer's own key that an org is under, in Base64; - for the standard input. Give it again for more keys, or one key in HOLDFAST_CUSTOMER_KEY."`
}

// read answers the keys that were given.
func (c *CustomerKeys) read() (keys []string, err error) {
	if key := os.Getenv(customerKeyVariable); key != "" {
		if err := vault.CheckCustomerKey(key); err != nil {
			return nil, fmt.Errorf("%s: %w", customerKeyVariable, err)
		}
		keys = append(keys, key)
	}
	for _, path := range c.Files {
		key, err := readKey(path)
		if err != nil {
			return nil, err
		}
		if err := vault.CheckCustomerKey(key); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func readKey(path string) (string, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path) //nolint:gosec // the operator names it
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, longestKey))
	return strings.TrimSpace(string(text)), err
}

// unlock gives an org the key that it is under, if it is one of those.
func unlock(ctx context.Context, v *vault.Vault, orgID string, keys []string) error {
	kept, err := v.Encryption(ctx, orgID)
	if err != nil || !kept.Locked {
		return err
	}
	for _, key := range keys {
		err := v.Unlock(ctx, orgID, key)
		if e, told := engine.AsError(err); told && e.Code == vault.CustomerKeyWrong {
			continue
		}
		return err
	}
	return fmt.Errorf("its keys are under a customer's own key, fingerprint %s, which was not given: name a file with it by --customer-key-file, or put it into %s",
		kept.CustomerKey, customerKeyVariable)
}
