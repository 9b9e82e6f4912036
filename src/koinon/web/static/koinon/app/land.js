// What stands behind the # of a link goes on in the body of a form, and out of the address and the history.

const said = location.hash.slice(1);
if (said) {
  history.replaceState(null, "", location.pathname);
  const form = document.querySelector("[data-land]");
  form.querySelector("input[name=code]").value = decodeURIComponent(said);
  form.requestSubmit();
}
