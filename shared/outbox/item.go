package outbox

import (
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/item"
)

func key(id string) item.Item { return item.Key(partition, id) }

func decode(it item.Item) (*Notice, error) {
	r := item.Reader{Item: it}
	n := &Notice{
		ID: r.Text(contract.SK), Client: r.Text(attrClient), Subject: r.Text(attrSubject), Session: r.Text(attrSession),
		Tries: int(r.Number(attrTries)),
	}
	due := r.Number(attrDue)
	if r.Err() != nil || due == 0 || n.Written().IsZero() || n.Client == "" || n.Subject == "" || n.Session == "" {
		return nil, fmt.Errorf("notice %q is not what it should be", n.ID)
	}
	n.Due = time.UnixMilli(due).UTC()
	return n, nil
}
