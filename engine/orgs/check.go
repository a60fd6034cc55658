package orgs

import (
	"context"
	"net/url"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
)

func (o *Orgs) check(ctx context.Context, in ConnectInput) error {
	switch {
	case in.OrgID == "" && in.Name == "":
		return invalidInput("name", "Give the org a name.")
	case len(in.Name) > 120:
		return invalidInput("name", "An org's name has at most 120 characters.")
	case in.ClientID == "":
		return invalidInput("clientId", "Give the consumer key of your External Client App.")
	case in.Flow == engine.FlowClientCredentials && in.ClientSecret == "":
		return invalidInput("clientSecret", "The client-credentials flow needs the app's consumer secret.")
	case in.Flow == engine.FlowRefreshToken && in.RefreshToken == "":
		return invalidInput("refreshToken", "Give the refresh token.")
	case !o.allowedHost(in.LoginURL):
		return foreignHost(in.LoginURL)
	}
	if in.TimeMachineKey != "" {
		if _, err := o.parseKey(in.TimeMachineKey); err != nil {
			return err
		}
	}
	if err := checkKey(in); err != nil || in.OrgID != "" {
		return err
	}
	taken, err := o.DB.Org.Query().Where(org.Name(in.Name)).Exist(ctx)
	if err == nil && taken {
		return nameTaken(in.Name)
	}
	return engine.Wrap("look for the name", err)
}

// allowedHost keeps our calls, and the secrets they carry, with Salesforce.
func (o *Orgs) allowedHost(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	for _, allowed := range o.SalesforceHosts {
		if u.Host == allowed && (u.Scheme == "http" || u.Scheme == "https") {
			return true
		}
		if strings.HasPrefix(allowed, ".") && u.Scheme == "https" && u.Port() == "" && strings.HasSuffix(u.Hostname(), allowed) {
			return true
		}
	}
	return false
}

// List returns the viewer's orgs by name.
func (o *Orgs) List(ctx context.Context) ([]*ent.Org, error) {
	rows, err := o.DB.Org.Query().Order(org.ByName(), org.ByID()).All(ctx)
	return rows, engine.Wrap("list orgs", err)
}

// Preflight asks the org what our user lacks there (F21).
func (o *Orgs) Preflight(ctx context.Context, orgID string) ([]engine.PreflightFinding, error) {
	session, err := o.OpenOrg(ctx, orgID)
	if err != nil {
		return nil, err
	}
	return session.Preflight(ctx)
}

func invalidInput(field, message string) error {
	return &engine.Error{Kind: engine.KindInvalid, Code: "INVALID_INPUT", Field: field, Message: message}
}

func nameTaken(name string) error {
	return &engine.Error{
		Kind: engine.KindConflict, Code: "NAME_TAKEN", Field: "name",
		Message: "An org named “" + name + "” is already connected. Choose another name.",
	}
}

func notFound(id string) error {
	return &engine.Error{Kind: engine.KindNotFound, Code: "NOT_FOUND", Org: id, Message: "There is no org " + id + ": check the id."}
}

func foreignHost(address string) error {
	return &engine.Error{
		Kind: engine.KindInvalid, Code: "NOT_A_SALESFORCE_ADDRESS", Field: "loginUrl",
		Message: "“" + address + "” is not an https address of Salesforce, such as https://login.salesforce.com or https://acme.my.salesforce.com.",
	}
}
