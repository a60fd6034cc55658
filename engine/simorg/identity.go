package simorg

import (
	"net/http"
)

// identity answers the identity URL.
func (o *Org) identity(w http.ResponseWriter, r *http.Request) {
	s, err := o.auth.bearer(r, o.cfg)
	switch {
	case err != nil:
		http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
	case r.PathValue("org")[:min(15, len(r.PathValue("org")))] != o.orgID[:15]:
		http.Error(w, "Wrong_Org", http.StatusForbidden)
	default:
		answer, err := ok(o.identityBody(r, s.user))
		o.print(w, r, answer, err)
	}
}

func (o *Org) identityBody(r *http.Request, p *person) map[string]any {
	base, id := o.baseURL(r), o.identityURL(r, p.id)
	version := "{version}"
	if r.URL.Query().Get("version") == "latest" {
		version = "66.0"
	}
	rest := base + "/services/data/v" + version + "/"
	soap := func(kind string) string { return base + "/services/Soap/" + kind + "/" + version + "/" + o.orgID[:15] }
	return map[string]any{
		"id": id, "asserted_user": true, "user_id": p.id, "organization_id": o.orgID, "username": p.Username,
		"nick_name": p.LastName, "display_name": p.name(), "email": p.Email, "email_verified": true,
		"first_name": textOrNull(p.FirstName), "last_name": p.LastName, "timezone": "Europe/Helsinki",
		"photos": map[string]string{"picture": base + "/profilephoto/005/F", "thumbnail": base + "/profilephoto/005/T"},
		"urls": map[string]string{
			"enterprise": soap("c"), "metadata": soap("m"), "partner": soap("u"), "rest": rest,
			"sobjects": rest + "sobjects/", "search": rest + "search/", "query": rest + "query/", "recent": rest + "recent/",
			"tooling_rest": rest + "tooling/", "tooling_soap": soap("T"), "profile": base + "/" + p.id, "custom_domain": base,
		},
		"active": !p.Inactive, "user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 7200000,
		"last_modified_date": o.cfg.Now().UTC().Format("2006-01-02T15:04:05Z"), "is_app_installed": true,
	}
}

// userinfo is the OpenID form of the same.
func (o *Org) userinfo(w http.ResponseWriter, r *http.Request) {
	s, err := o.auth.bearer(r, o.cfg)
	if err != nil {
		http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
		return
	}
	p, full := s.user, o.identityBody(r, s.user)
	answer, err := ok(map[string]any{
		"sub": full["id"], "user_id": p.id, "organization_id": o.orgID, "preferred_username": p.Username, "nickname": p.LastName,
		"name": p.name(), "email": p.Email, "email_verified": true, "given_name": textOrNull(p.FirstName), "family_name": p.LastName,
		"zoneinfo": full["timezone"], "photos": full["photos"], "profile": o.baseURL(r) + "/" + p.id,
		"picture": o.baseURL(r) + "/profilephoto/005/F", "address": map[string]any{}, "urls": full["urls"], "active": !p.Inactive,
		"user_type": "STANDARD", "language": "en_US", "locale": "en_US", "utcOffset": 7200000,
		"updated_at": full["last_modified_date"], "is_app_installed": true, "is_salesforce_integration_user": false,
	})
	o.print(w, r, answer, err)
}

func (p *person) name() string {
	if p.FirstName == "" {
		return p.LastName
	}
	return p.FirstName + " " + p.LastName
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
