// Keeps an app's shell, so that it opens without a network. The server says which app and what (koinon/web/installable.py)
// in self.KEPT: {app, version, language, files, pages, fallback}. Nothing else is kept, and nothing but GET is looked at.

const { app, version, language, files, pages, fallback } = self.KEPT;
const CACHE = `koinon-${app}-${version}`;
const SLOW = 4000;

// Whether the page came in this worker's language. When somebody chose another one meanwhile, this worker is out of date
// before it is installed, and the next page that is opened asks for the worker of that language.
async function keep(cache, address) {
  const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "text/html" } });
  if (!isShell(answer)) return true;
  if (answer.headers.get("Content-Language")?.split("-")[0] !== language) return false;
  await cache.put(address, answer);
  return true;
}

// A page to sign in on, or one that says what went wrong, is no shell.
function isShell(answer) {
  return answer.ok && !answer.redirected && answer.type === "basic";
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll(files);
      const kept = await Promise.all(pages.map((address) => keep(cache, address).catch(() => true)));
      if (kept.includes(false)) throw new Error(`The pages are not in ${language} any more.`);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const names = await caches.keys();
      const old = names.filter((name) => name.startsWith(`koinon-${app}-`) && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (files.includes(address.pathname)) {
    event.respondWith(file(request, address.pathname));
  } else if (request.mode === "navigate" && pages.includes(address.pathname)) {
    event.respondWith(page(event, request, address.pathname));
  } else if (request.mode === "navigate" && fallback) {
    event.respondWith(fetch(request).catch(instead));
  }
});

// Any other page of the app while there is no network: the one that says so.
async function instead() {
  const cache = await caches.open(CACHE);
  return (await cache.match(fallback)) ?? Response.error();
}

async function file(request, path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

// The network first; what was kept when there is none, or when it does not answer in time.
async function page(event, request, path) {
  const cache = await caches.open(CACHE);
  const fresh = fetch(request).then(async (answer) => {
    if (answer.ok && !answer.redirected) await cache.put(path, answer.clone());
    else if (answer.redirected || answer.type === "opaqueredirect") await cache.delete(path);
    return answer;
  });
  event.waitUntil(fresh.catch(() => undefined));
  const late = new Promise((resolve) => setTimeout(resolve, SLOW));
  const first = await Promise.race([fresh.catch(() => undefined), late]);
  if (first && first.status < 500) return first;
  return (await cache.match(path)) ?? fresh;
}
