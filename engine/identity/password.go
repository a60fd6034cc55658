package identity

import (
	"context"
	"errors"
	"regexp"

	"github.com/alexedwards/argon2id"
)

// PasswordRule is one rule of the password policy (F3). Pattern is a regular
// expression that a client can check as the user types, in Go's syntax and in
// JavaScript's with the u flag.
type PasswordRule struct {
	Code        string
	Description string
	Pattern     string
}

var passwordRules = []PasswordRule{
	{"PASSWORD_TOO_SHORT", "The password has at least 8 characters.", `[\s\S]{8}`},
	{"PASSWORD_NEEDS_LETTER", "The password has a letter.", `\p{L}`},
	{"PASSWORD_NEEDS_NUMBER", "The password has a number.", `\p{N}`},
	{"PASSWORD_NEEDS_SPECIAL", "The password has a special character, such as ! or #.", `[^\p{L}\p{N}\s]`},
}

var passwordPatterns = compile(passwordRules)

func compile(rules []PasswordRule) []*regexp.Regexp {
	patterns := make([]*regexp.Regexp, len(rules))
	for i, rule := range rules {
		patterns[i] = regexp.MustCompile(rule.Pattern)
	}
	return patterns
}

// PasswordRules is the password policy.
func PasswordRules() []PasswordRule { return passwordRules }

// checkPassword reports each rule that the password breaks.
func checkPassword(password string) error {
	var broken []error
	for i, rule := range passwordRules {
		if !passwordPatterns[i].MatchString(password) {
			broken = append(broken, invalid("password", rule.Code, rule.Description))
		}
	}
	return errors.Join(broken...)
}

// passwords hashes with argon2id, a bounded number at a time: each takes tens
// of megabytes.
type passwords struct {
	params *argon2id.Params
	slots  chan struct{}
	decoy  string
}

func newPasswords(params *argon2id.Params, parallel int) (*passwords, error) {
	decoy, err := argon2id.CreateHash(string(random()), params)
	return &passwords{params: params, slots: make(chan struct{}, parallel), decoy: decoy}, err
}

func (p *passwords) hash(ctx context.Context, password string) (hash string, err error) {
	err = p.exclusively(ctx, func() error {
		hash, err = argon2id.CreateHash(password, p.params)
		return err
	})
	return hash, err
}

// verify reports whether the password is the hash's, and whether the hash was
// made with other parameters than today's.
func (p *passwords) verify(ctx context.Context, password, hash string) (match, outdated bool, err error) {
	err = p.exclusively(ctx, func() error {
		var made *argon2id.Params
		match, made, err = argon2id.CheckHash(password, hash)
		outdated = err == nil && *made != *p.params
		return err
	})
	return match, outdated, err
}

// waste takes as long as verify does, so that nobody learns from the clock
// whether an account exists.
func (p *passwords) waste(ctx context.Context, password string) error {
	_, _, err := p.verify(ctx, password, p.decoy)
	return err
}

func (p *passwords) exclusively(ctx context.Context, work func() error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return work()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
