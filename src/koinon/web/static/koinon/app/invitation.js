// A letter's link carries its code behind "#", which browsers send to nobody: it is moved into the field, and out of
// the address, so that it stays in no history.
const field = document.querySelector("#id_code");
const code = decodeURIComponent(location.hash.slice(1));
if (field && code) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
}
