package iam

import (
	"errors"
	"io"
	"net/http"
)

// maxBody is more than the 16 MB that DynamoDB accepts in one request.
const maxBody = 17 << 20

// ServeHTTP sends an allowed request to its endpoint, and refuses another one as AWS
// does.
func (w *Wall) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, f := readBody(r)
	if f != nil {
		f.write(rw)
		return
	}
	c, f := w.authenticate(r, body)
	if f != nil {
		w.note(Refusal{Action: r.Header.Get("X-Amz-Target"), Reason: f.message})
		f.write(rw)
		return
	}
	op, f := w.judge(c, r.Header.Get("X-Amz-Target"), body)
	if f != nil {
		c.countRefused()
		f.write(rw)
		return
	}
	c.count(op)
	w.pass(rw, r, &call{caller: c, op: op, body: body})
}

func readBody(r *http.Request) ([]byte, *refusal) {
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	if n := r.ContentLength; n >= 0 {
		body := make([]byte, n)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, malformed(errors.New("the body is shorter than its Content-Length"))
		}
		return body, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, malformed(errors.New("the body is incomplete"))
	}
	if len(body) > maxBody {
		return nil, tooLarge()
	}
	return body, nil
}

// judge returns a refusal unless the role of c allows all that a request needs.
func (w *Wall) judge(c *caller, target string, body []byte) (Operation, *refusal) {
	user := w.place.SessionARN(c.role, c.name)
	op, err := w.names.Analyze(target, body)
	if errors.Is(err, ErrUnknownOperation) {
		d := Demand{Action: op.Service + ":" + op.Name, Resource: "*"}
		if op.Service == "" {
			d.Action = clip(target)
		}
		return op, w.refuse(c, user, d, " because "+ErrUnknownOperation.Error())
	}
	if err != nil {
		f := malformed(err)
		w.note(Refusal{Function: c.name, Action: clip(target), Reason: f.message})
		return op, f
	}
	for _, d := range op.Demands {
		switch c.permissions.Decide(d.Action, d.Resource) {
		case Allowed:
		case Denied:
			return op, w.refuse(c, user, d, " with an explicit deny in an identity-based policy")
		default:
			return op, w.refuse(c, user, d, " because no identity-based policy allows the "+d.Action+" action")
		}
	}
	return op, nil
}

func (w *Wall) refuse(c *caller, user string, d Demand, reason string) *refusal {
	f := accessDenied(user, d, reason)
	w.note(Refusal{Function: c.name, Action: d.Action, Resource: d.Resource, Reason: f.message})
	return f
}
