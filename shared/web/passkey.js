// Uses a passkey in forms with data-passkey="get" and makes one in forms with
// data-passkey="create". In a browser without passkeys the buttons stay hidden.
(() => {
  if (!window.PublicKeyCredential) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt());
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

  const options = (form) => {
    const o = JSON.parse(form.dataset.options);
    o.challenge = bytes(o.challenge);
    o.excludeCredentials?.forEach((c) => (c.id = bytes(c.id)));
    if (o.user) o.user.id = bytes(o.user.id);
    return o;
  };

  const send = (form, { id, rawId, type, response: r }) => {
    const response = { transports: r.getTransports?.() };
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (r[part]) response[part] = text(r[part]);
    form.elements.passkey.value = JSON.stringify({ id, rawId: text(rawId), type, response });
    form.submit();
  };

  let current; // one request at a time: a new one aborts it
  const ask = async (form, mediation) => {
    const note = form.querySelector("[data-note]");
    const { signal } = (current?.abort(), (current = new AbortController()));
    note.textContent = "";
    try {
      send(form, await navigator.credentials[form.dataset.passkey]({ publicKey: options(form), mediation, signal }));
    } catch ({ name }) {
      if (name == "InvalidStateError") note.textContent = "This device already has a passkey for your account.";
      // A person who cancels needs no message.
      else if (!mediation && !/NotAllowed|Abort/.test(name)) note.textContent = "That did not work. Try again, or use another way.";
      if (!mediation && !signal.aborted && !note.textContent) offer(form);
    }
  };

  // Lists passkeys below a field. A page with a problem has no data-offer: a device
  // that answers by itself would post again and again. A pressed button goes first.
  const offer = async (form) => {
    const before = current;
    if (!("offer" in form.dataset) || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    if (current == before) ask(form, "conditional");
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("[data-go]");
    button.hidden = false;
    button.onclick = () => form.reportValidity() && ask(form);
    offer(form);
  }
})();
