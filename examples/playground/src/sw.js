/** @file The service worker: the page works without a network after it was loaded once. */
const FILES = __FILES__;
const CACHE = `playground-${__VERSION__}`;

self.addEventListener("install", (event) => {
  const all = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.filter((file) => file !== "index.html").concat("./"));
    await self.skipWaiting();
  };
  event.waitUntil(all());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("playground-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== location.origin) return;
  const answer = async () => {
    const cache = await caches.open(CACHE);
    // Pages are asked for anew, so that an update is seen; all other files have their content in their names.
    if (event.request.mode === "navigate") {
      return fetch(event.request).catch(async () => (await cache.match("./")) ?? Response.error());
    }
    return (await cache.match(event.request)) ?? fetch(event.request);
  };
  event.respondWith(answer());
});
