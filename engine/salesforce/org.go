package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	// defaultVersion is the platform version that this client was written for.
	defaultVersion = "66.0"
	// firstVersion is the oldest one that it can use: result pages of Bulk jobs
	// are listed since then.
	firstVersion = 58
)

// org is one connection to one org.
type org struct {
	client   *Client
	options  Options
	session  *session
	governor *governor
	version  string // "66.0"
	calls    atomic.Int64
	noBulk   sync.Map // SObjects that Bulk refused
}

var (
	_ engine.Org          = (*org)(nil)
	_ engine.ChangeProber = (*org)(nil)
)

// Open connects: it signs in if there is no token yet, and asks the org for its
// resources, which proves the token, the version and that the API is enabled.
func (c *Client) Open(ctx context.Context, conn engine.Connection) (engine.Org, error) {
	if conn.AccessToken != "" && conn.InstanceURL != "" {
		instance, err := baseURL(conn.InstanceURL)
		if err != nil {
			return nil, err
		}
		conn.InstanceURL = instance
	} else {
		conn.AccessToken = ""
	}
	o := &org{
		client: c, options: c.options, session: newSession(c, conn), governor: c.governorOf(conn),
		version: or(strings.TrimPrefix(conn.APIVersion, "v"), defaultVersion),
	}
	if conn.AccessToken == "" {
		if err := o.session.renew(ctx, ""); err != nil {
			return nil, err
		}
	}
	if err := o.greet(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *org) greet(ctx context.Context) error {
	if n, err := strconv.ParseFloat(o.version, 64); err != nil || n < firstVersion {
		return o.unsupported()
	}
	err := o.do(ctx, get(o.data("/"), "", "list its resources"), discard)
	if !engine.Is(err, engine.KindNotFound) {
		return err
	}
	return o.unsupported()
}

func (o *org) unsupported() error {
	return engine.E(engine.KindInvalid, "API_VERSION_UNSUPPORTED",
		"Version %q of the Salesforce API cannot be used with this org: leave the version empty, or choose %d.0 or later.", o.version, firstVersion)
}

// data is a path of the data API in the connection's version.
func (o *org) data(path string) string { return "/services/data/v" + o.version + path }

// Calls is how many API calls this connection has made so far; retries count,
// the token endpoint does not.
func (o *org) Calls() int64 { return o.calls.Load() }

// ServerTime is the org's clock, to the second.
func (o *org) ServerTime(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := o.do(ctx, get(o.data("/"), "", "tell the time"), func(a answer) (err error) {
		at, err = dateOf(a.header)
		return err
	})
	return at, err
}

func dateOf(h http.Header) (time.Time, error) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return at, &broken{err: fmt.Errorf("the answer has no date")}
	}
	return at.UTC(), nil
}

// Limits are the org's own counters.
func (o *org) Limits(ctx context.Context) (engine.OrgLimits, error) {
	var wire map[string]engine.Allowance
	c := get(o.data("/limits"), "", "list its limits")
	c.urgent = true
	err := o.fetch(ctx, c, &wire)
	return engine.OrgLimits{
		APIRequests:     wire["DailyApiRequests"],
		BulkQueryJobs:   wire["DailyBulkV2QueryJobs"],
		BulkQueryMB:     wire["DailyBulkV2QueryFileStorageMB"],
		BulkIngestBatch: wire["DailyBulkApiBatches"],
	}, err
}

// Identity is the org and the user we are connected as.
func (o *org) Identity(ctx context.Context) (engine.OrgIdentity, error) {
	id := engine.OrgIdentity{APIVersion: o.version, InstanceURL: o.session.current().instance}
	var user struct {
		UserID   string `json:"user_id"`
		OrgID    string `json:"organization_id"`
		Username string `json:"preferred_username"`
	}
	if err := o.fetch(ctx, get("/services/oauth2/userinfo", "User", "say who we are"), &user); err != nil {
		return id, err
	}
	var found struct {
		Records []struct {
			ID        string `json:"Id"`
			Name      string
			IsSandbox bool
		} `json:"records"`
	}
	const soql = "SELECT Id, Name, IsSandbox FROM Organization"
	if err := o.fetch(ctx, get(o.query(current, soql), "Organization", "read its own name"), &found); err != nil {
		return id, err
	}
	id.OrgID, id.UserID, id.Username = full18(user.OrgID), engine.RecordID(full18(user.UserID)), user.Username
	if len(found.Records) > 0 {
		id.OrgID, id.OrgName, id.Sandbox = or(id.OrgID, found.Records[0].ID), found.Records[0].Name, found.Records[0].IsSandbox
	}
	return id, nil
}

// full18 spells an id in its 18 characters; what is no id stays as it is.
func full18(id string) string {
	if full, err := engine.ParseRecordID(id); err == nil {
		return string(full)
	}
	return id
}

const (
	countNames = 12_000 // bytes of SObject names in one address
	fanOut     = 4      // composite requests at the same time
)

// Count asks the platform for its cached counts, many SObjects per call.
func (o *org) Count(ctx context.Context, objects []string) (map[string]int64, error) {
	counts := make(map[string]int64, len(objects))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	for _, names := range packNames(objects, countNames) {
		group.Go(func() error {
			var wire struct {
				SObjects []struct {
					Name  string `json:"name"`
					Count int64  `json:"count"`
				} `json:"sObjects"`
			}
			path := o.data("/limits/recordCount?sObjects=" + url.QueryEscape(names))
			if err := o.fetch(ctx, get(path, "", "count its records"), &wire); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, s := range wire.SObjects {
				counts[s.Name] = s.Count
			}
			return nil
		})
	}
	return counts, group.Wait()
}

// packNames joins names with commas into as few texts as fit.
func packNames(names []string, most int) []string {
	var packs []string
	for _, name := range names {
		if last := len(packs) - 1; last >= 0 && len(packs[last])+len(name) < most {
			packs[last] += "," + name
			continue
		}
		packs = append(packs, name)
	}
	return packs
}
