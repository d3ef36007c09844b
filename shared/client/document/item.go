package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of the items. Times are epoch seconds, and absence is the zero
// value.
const (
	skEntry = "document"

	attrUntil     = "until"
	attrProblem   = "problem"
	attrTemporary = "temporary"
	attrFetched   = "fetched" // absent: there is no document
	attrName      = "name"
	attrRedirects = "redirects"
	attrGrants    = "grants"
	attrKeySet    = "jwks"
	attrAlgorithm = "alg"

	attrCount = "n" // of the fetches from a host in a minute
	attrTTL   = contract.TTL
)

// attributes are the attributes of an entry.
var attributes = []string{
	attrUntil, attrProblem, attrTemporary, attrFetched, attrName, attrRedirects, attrGrants, attrKeySet, attrAlgorithm, attrTTL,
}

func entryKey(url string) dynamo.Item { return dynamo.Key(contract.ClientPrefix.Of(url), skEntry) }

// hostKey is the key of the counter of fetches in the minute that ends at end.
func hostKey(host string, end time.Time) dynamo.Item {
	return dynamo.Key(contract.HostPrefix.Of(host), strconv.FormatInt(end.Unix(), 10))
}

// encode returns the changes that write an entry. They remove the attributes that it lacks.
func encode(e *Cached) dynamo.Changes {
	it := dynamo.Item{attrUntil: dynamo.Seconds(e.Until), attrTTL: dynamo.Seconds(e.Until.Add(MaxStale))}
	it.PutText(attrProblem, e.Problem)
	it.PutFlag(attrTemporary, e.Temporary)
	if m := e.Metadata; m != nil {
		it[attrFetched] = dynamo.Seconds(e.Fetched)
		it.PutText(attrName, m.Name)
		it.PutTexts(attrRedirects, m.RedirectURIs)
		it.PutTexts(attrGrants, m.Grants)
		it.PutText(attrKeySet, string(m.KeySet))
		it.PutText(attrAlgorithm, m.Algorithm)
	}
	c := dynamo.Changes{Set: it}
	for _, name := range attributes {
		if it[name] == nil {
			c.Remove = append(c.Remove, name)
		}
	}
	return c
}

// decode parses the output of encode.
func decode(it dynamo.Item) (*Cached, error) {
	r := dynamo.Reader{Item: it}
	if it[attrUntil] == nil {
		r.Fail(attrUntil)
	}
	e := &Cached{Until: time.Unix(r.Number(attrUntil), 0), Problem: r.Text(attrProblem)}
	if flag, ok := it[attrTemporary].(*types.AttributeValueMemberBOOL); ok {
		e.Temporary = flag.Value
	}
	if it[attrFetched] != nil {
		e.Fetched = time.Unix(r.Number(attrFetched), 0)
		e.Metadata = &metadata.Metadata{
			Name: r.Text(attrName), RedirectURIs: r.Texts(attrRedirects), Grants: r.Texts(attrGrants),
			Algorithm: r.Text(attrAlgorithm),
		}
		if set := r.Text(attrKeySet); set != "" {
			e.Metadata.KeySet = json.RawMessage(set)
		}
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("the kept document of a client: %w", r.Err())
	}
	return e, nil
}

func asConditionFailed(err error) (*types.ConditionalCheckFailedException, bool) {
	return errors.AsType[*types.ConditionalCheckFailedException](err)
}
