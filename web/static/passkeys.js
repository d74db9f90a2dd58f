// Passkeys: a button asks the browser for one and sends its form with the answer. Without this script, or in a browser
// without passkeys, the buttons stay hidden.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function ask(verb, options) {
  options.challenge = bytes(options.challenge);
  if (verb === "create") {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
    return navigator.credentials.create({ publicKey: options });
  }
  options.allowCredentials = named(options.allowCredentials);
  return navigator.credentials.get({ publicKey: options });
}

function written(made) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (made.response[name]) response[name] = text(made.response[name]);
  }
  return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
}

async function press(button) {
  const form = button.form;
  const said = button.parentElement.querySelector("[data-passkey-said]");
  said.textContent = "";
  button.disabled = true;
  try {
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token?.value || "" });
    const answer = await fetch(button.dataset.options, { method: "POST", body });
    if (!answer.ok) throw new Error(String(answer.status));
    const made = await ask(button.dataset.passkey, await answer.json());
    form.elements[button.dataset.field].value = written(made);
    form.submit();
  } catch {
    said.textContent = said.dataset.failed;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential && navigator.credentials) {
  for (const part of document.querySelectorAll("[data-passkey-parts], [data-passkey-form]")) part.hidden = false;
  for (const button of document.querySelectorAll("[data-passkey]")) button.addEventListener("click", () => press(button));
}
