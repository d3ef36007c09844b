// Sends somebody with a browser to an address of the server. They sign in and
// let the client in, and stop where the server sends them away.

// visit returns the arrival: url, form, posted, status, page and trail. In
// callback stands what a client in query mode is called with. A browser with a
// name keeps its cookies; without one each visit is by a new browser.
export async function visit (address, { browser = '', code = '', deny = false } = {}) {
  const response = await fetch(process.env.PERSON, {
    method: 'POST', body: JSON.stringify({ address: String(address), browser, code, deny })
  })
  if (!response.ok) throw new Error(`the visit of ${address} ended: ${await response.text()}`)
  const arrival = await response.json()
  const callback = new URL(arrival.url)
  for (const [name, values] of Object.entries(arrival.form ?? {})) {
    for (const value of values) callback.searchParams.append(name, value)
  }
  return { ...arrival, callback }
}

// posted is the request with which the browser calls a client in form_post mode.
export function posted (arrival) {
  return new Request(arrival.url, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: arrival.callback.searchParams.toString()
  })
}
