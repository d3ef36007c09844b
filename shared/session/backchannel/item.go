package backchannel

import (
	"fmt"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

func decode(e queue.Entry, it dynamo.Item) (*Notice, error) {
	r := dynamo.Reader{Item: it}
	n := &Notice{Entry: e, Client: r.Text(attrClient), Subject: r.Text(attrSubject), Session: r.Text(attrSession)}
	if r.Err() != nil || n.Client == "" || n.Subject == "" || n.Session == "" {
		return nil, fmt.Errorf("notice %q is not what it should be", n.ID)
	}
	return n, nil
}
