package webtest

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// device returns the question about a device, with a change.
func device(change func(*web.DeviceRequest)) web.DeviceRequest {
	p := web.DeviceRequest{
		CSRF: "t", Code: "WDJB-MJHT", Request: "01JD9ZQZ7M3S9T6W9B0V5K8XYZ", App: "Orders TV", Who: "Ada Lovelace", Ours: true,
		Asks: []web.Ask{
			{Scopes: []string{"Sign you in and recognize you"}},
			{Place: "Order API", Scopes: []string{"See your orders"}},
		},
		Agent: "Orders TV", Place: "198.51.100.0/24", Asked: noon.Add(-2 * time.Minute), Now: noon,
	}
	change(&p)
	return p
}

func ours(*web.DeviceRequest)         {}
func registered(p *web.DeviceRequest) { p.Ours = false }

func unvetted(p *web.DeviceRequest) {
	p.Ours, p.Unvetted, p.Origin = false, true, "tools.example.org"
	p.Agent, p.Place, p.Asks = "", "", nil
}

func longest(p *web.DeviceRequest) {
	p.App, p.Who, p.Agent, p.Unvetted, p.Origin = long, long, long, true, long+".example"
	p.Asks = append(p.Asks, web.Ask{Place: long, Scopes: []string{long, "a:b"}})
}
