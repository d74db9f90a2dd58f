// Drafts in groups are kept on the server while they are being written, so that they go on elsewhere. Without this
// script the button keeps them.

const SECONDS = 4;

for (const form of document.querySelectorAll("form[data-keep]")) {
  const said = form.querySelector("[data-kept]");
  let waiting;
  let sent = false;

  const keep = async () => {
    if (sent) return;
    const body = new URLSearchParams({ draft: form.dataset.keep, csrf_token: form.elements.csrf_token.value });
    for (const name of ["title", "text"]) body.set(name, form.elements[name]?.value ?? "");
    for (const box of form.querySelectorAll("[name='topics[]']:checked")) body.append("topics[]", box.value);
    try {
      const answer = await fetch("/drafts", { method: "POST", body });
      if (said && answer.ok) said.textContent = said.dataset.kept || "";
    } catch {
      // No connection: the next change tries again.
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    if (said) said.textContent = "";
    waiting = setTimeout(keep, SECONDS * 1000);
  });
  form.addEventListener("submit", () => {
    sent = true;
    clearTimeout(waiting);
  });
}
