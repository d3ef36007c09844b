package upstream_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	for _, want := range []*upstream.Upstream{google(), gitHub()} {
		got, err := upstream.Decode(upstream.Encode(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Decode(Encode(%+v)) = %+v, %v, want the same", want, got, err)
		}
	}
}

// Items of the first release and of a later release can be decoded.
func TestOldAndNewItemsAreRead(t *testing.T) {
	old := dynamo.Item{
		"pk": dynamo.Text("upstreams"), "sk": dynamo.Text("upstream#github"), "rev": dynamo.Number(1), "id": dynamo.Text("github"),
		"name": dynamo.Text("GitHub"), "type": dynamo.Text("github"), "issuer": dynamo.Text("https://github.com"), "client": dynamo.Text("Iv1"),
		"later": dynamo.Flag(true),
	}
	want := gitHub()
	want.Disabled = false
	got, err := upstream.Decode(old)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Decode = %+v, %v, want %+v: no rule is the strictest, no flag is enabled", got, err, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	text := func(s string) types.AttributeValue { return dynamo.Text(s) }
	tests := []struct {
		name, attribute string
		value           types.AttributeValue
		want            string // the attribute that is named, if it is another one
	}{
		{name: "no id", attribute: "id"},
		{name: "another id", attribute: "id", value: text("other")},
		{name: "id of a path", attribute: "id", value: text("a/b")},
		{name: "sort key", attribute: "sk", value: text("google"), want: "id"},
		{name: "no name", attribute: "name"},
		{name: "no type", attribute: "type"},
		{name: "unknown type", attribute: "type", value: text("saml")},
		{name: "no issuer", attribute: "issuer"},
		{name: "http", attribute: "issuer", value: text("http://accounts.google.com")},
		{name: "issuer of another type", attribute: "issuer", value: text("https://id.example.com")},
		{name: "no client", attribute: "client"},
		{name: "unknown rule", attribute: "first_sign_in", value: text("everybody")},
		{name: "rule is no text", attribute: "first_sign_in", value: dynamo.Number(1)},
		{name: "domains are a text", attribute: "domains", value: text("example.com")},
		{name: "disabled is a text", attribute: "disabled", value: text("true")},
		{name: "revision", attribute: "rev", value: text("1")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			it := upstream.Encode(google())
			if it[tt.attribute] = tt.value; tt.value == nil {
				delete(it, tt.attribute)
			}
			name := tt.want
			if name == "" {
				name = tt.attribute
			}
			want := "attribute " + name + " is not what it should be"
			if u, err := upstream.Decode(it); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("Decode = %+v, %v, want %s", u, err, want)
			}
		})
	}
}

func TestCheckIssuer(t *testing.T) {
	const (
		good   = ""
		noURL  = "is not a URL"
		plain  = "is neither https nor http on a loopback host"
		extras = "has a user, a query or a fragment"
		usual  = "is not in the usual spelling"
	)
	tests := []struct{ kind, issuer, want string }{
		{upstream.TypeOIDC, "https://id.example.com", good},
		{upstream.TypeOIDC, "https://id.example.com/", good}, // some are called so
		{upstream.TypeOIDC, "https://id.example.com:8443/realms/a", good},
		{upstream.TypeOIDC, "http://localhost:8080", good},
		{upstream.TypeOIDC, "http://127.0.0.1:8080", good},
		{upstream.TypeOIDC, "http://[::1]:8080", good},
		{upstream.TypeOIDC, upstream.GoogleIssuer, good},
		{upstream.TypeOIDC, "", noURL},
		{upstream.TypeOIDC, "id.example.com", noURL},
		{upstream.TypeOIDC, "https:id.example.com", noURL},
		{upstream.TypeOIDC, "https://", noURL},
		{upstream.TypeOIDC, "https://id.example.com/%zz", noURL},
		{upstream.TypeOIDC, "https://id.example.com/\n", noURL},
		{upstream.TypeOIDC, "http://id.example.com", plain},
		{upstream.TypeOIDC, "http://127.0.0.1.example.com", plain},
		{upstream.TypeOIDC, "http://localhost@id.example.com", plain},
		{upstream.TypeOIDC, "ftp://localhost", plain},
		{upstream.TypeOIDC, "https://a:b@id.example.com", extras},
		{upstream.TypeOIDC, "https://id.example.com?a=b", extras},
		{upstream.TypeOIDC, "https://id.example.com?", extras},
		{upstream.TypeOIDC, "https://id.example.com#", extras},
		{upstream.TypeOIDC, "https://id.example.com/.well-known/openid-configuration", "is the address of its metadata; leave out the path from /.well-known on"},
		{upstream.TypeOIDC, "https://ID.example.com", usual},
		{upstream.TypeOIDC, "HTTPS://id.example.com", usual},
		{upstream.TypeOIDC, "https://id.exämple.com", usual},
		{upstream.TypeOIDC, "https://id_example.com", usual},
		{upstream.TypeOIDC, "https://id.example.com:", usual},
		{upstream.TypeOIDC, "https://id.example.com/a b", usual},
		{upstream.TypeOIDC, "https://" + strings.Repeat("a", 256), "is longer than 255 bytes"},
		{upstream.TypeGoogle, upstream.GoogleIssuer, good},
		{upstream.TypeGoogle, upstream.GoogleIssuer + "/", "is not that of Google"},
		{upstream.TypeGitHub, upstream.GitHubIssuer, good},
		{upstream.TypeGitHub, "http://127.0.0.1:3000", good},
		{upstream.TypeGitHub, "https://github.example.com/", "has a path, which that of a GitHub server has not"},
	}
	for _, tt := range tests {
		got := ""
		if err := upstream.CheckIssuer(tt.kind, tt.issuer); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("CheckIssuer(%s, %q) = %q, want %q", tt.kind, tt.issuer, got, tt.want)
		}
	}
}

// An address is in a domain when the domain is all that follows its last "@".
func TestAdmitsOnlyTheExactDomain(t *testing.T) {
	u := &upstream.Upstream{Domains: []string{"example.com", "example.org"}}
	for email, want := range map[string]bool{
		"ann@example.com": true, "Ann@EXAMPLE.org": true, `"a@b"@example.com`: true,
		"": false, "@example.com": false, "example.com": false, "ann@example.com.evil.net": false, "ann@evil-example.com": false,
		"ann@sub.example.com": false, "ann@example.com ": false, "ann@example.com@evil.net": false, "ann@example.com\x00": false,
	} {
		if got := u.Admits(email); got != want {
			t.Errorf("Admits(%q) = %v, want %v", email, got, want)
		}
	}
	if (&upstream.Upstream{}).Admits("ann@") {
		t.Error("an upstream without domains admits an address without one")
	}
}

// An accepted issuer has a host and no byte 0, which the keys of external accounts rely on.
func FuzzCheckIssuer(f *testing.F) {
	for _, s := range []string{"https://id.example.com", "http://[::1]:8080/a", "https://a/\x00", "https://%00", "//a", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, issuer string) {
		if upstream.CheckIssuer(upstream.TypeOIDC, issuer) != nil {
			return
		}
		if strings.ContainsAny(issuer, "\x00 #?\n") || !strings.Contains(issuer, "://") {
			t.Errorf("CheckIssuer(%q) = nil, want an error", issuer)
		}
	})
}
