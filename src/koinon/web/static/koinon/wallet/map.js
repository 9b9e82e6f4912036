// The map of where to spend: outlines and doors from the town, no picture from anybody else. The list is its equal.

import { copy, given } from "../app/app.js";

const L = window.L;
const NEAR = 44; // Pixels: markers closer than a finger become one.
const NAME = [96, 34]; // Pixels that a neighbourhood's name takes, in two lines.
const places = given("places");
const box = document.getElementById("map");
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
let map;
let markers;
let chosen;

const parts = document.querySelectorAll("[data-shown-as]");
const buttons = document.querySelectorAll("[data-view]");

function show(view) {
  for (const part of parts) part.hidden = part.dataset.shownAs !== view;
  for (const button of buttons) button.setAttribute("aria-pressed", button.dataset.view === view);
  if (view === "map") draw();
}

for (const button of buttons) button.addEventListener("click", () => show(button.dataset.view));
document.querySelector("[data-views]").hidden = false;
for (const button of document.querySelectorAll("[data-on-map]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    show("map");
    const shop = places.shops.find((one) => one.id === button.dataset.onMap);
    chosen = shop.id;
    map.setView(shop.at, 17, { animate: false });
    place();
    tell(shop);
    box.scrollIntoView({ block: "center" });
  });
}

function draw() {
  if (map) return;
  const motion = { zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still };
  map = L.map(box, { attributionControl: false, zoomControl: false, maxZoom: 18, zoomSnap: 0.25, ...motion });
  L.control.zoom({ zoomInTitle: box.dataset.in, zoomOutTitle: box.dataset.out }).addTo(map);
  const around = L.latLngBounds(places.shops.map((shop) => shop.at));
  for (const zone of places.zones) {
    const outline = L.geoJSON(zone.outline, { interactive: false, style: { className: zone.own ? "zone own" : "zone" } });
    outline.addTo(map);
    around.extend(outline.getBounds());
    zone.bounds = outline.getBounds();
    zone.label = L.marker(zone.bounds.getCenter(), {
      interactive: false,
      keyboard: false,
      icon: L.divIcon({ className: "zone-name", html: text(zone.name), iconSize: NAME }),
    });
  }
  map.fitBounds(around, { padding: [8, 8], animate: false });
  map.setMaxBounds(around.pad(0.3)).setMinZoom(map.getZoom() - 1);
  markers = L.layerGroup().addTo(map);
  map.on("zoomend", place);
  place();
}

function text(words) {
  const element = document.createElement("bdi");
  element.textContent = words;
  return element;
}

// Shops that lie under one finger are one marker with their number, until somebody comes closer.
function place() {
  markers.clearLayers();
  const groups = [];
  for (const shop of places.shops) {
    const at = map.project(shop.at);
    const group = shop.id !== chosen && groups.find((one) => one.at.distanceTo(at) < NEAR && one.shops[0].id !== chosen);
    if (group && map.getZoom() < map.getMaxZoom()) group.shops.push(shop);
    else groups.push({ at, shops: [shop] });
  }
  for (const { shops } of groups) (shops.length === 1 ? single : several)(shops);
  const taken = groups.map(({ shops }) => ({ at: map.project(L.latLngBounds(shops.map((shop) => shop.at)).getCenter()), size: [36, 36] }));
  for (const zone of places.zones) {
    const width = map.project(zone.bounds.getNorthEast()).x - map.project(zone.bounds.getSouthWest()).x;
    const name = { at: map.project(zone.bounds.getCenter()), size: NAME };
    if (width > 72 && !taken.some((one) => meets(one, name))) {
      markers.addLayer(zone.label);
      taken.push(name);
    }
  }
}

// A name that would lie on a shop or on another name waits until somebody comes closer.
function meets(one, other) {
  const apart = [Math.abs(one.at.x - other.at.x), Math.abs(one.at.y - other.at.y)];
  return apart.every((far, side) => 2 * far < one.size[side] + other.size[side]);
}

function marker(at, kind, label, chose) {
  const made = L.marker(at, { icon: L.divIcon({ className: `shop ${kind}`, iconSize: [44, 44] }), keyboard: true });
  made.on("add", () => made.getElement().setAttribute("aria-label", label));
  made.on("click", chose);
  made.on("keypress", (event) => ["Enter", " "].includes(event.originalEvent.key) && chose());
  markers.addLayer(made);
  return made;
}

function single([shop]) {
  const kind = `${shop.sse ? "sse" : ""} ${shop.id === chosen ? "chosen" : ""}`.trim();
  shop.marker = marker(shop.at, kind, `${shop.name}, ${shop.kind}`, () => tell(shop));
}

function several(shops) {
  const bounds = L.latLngBounds(shops.map((shop) => shop.at));
  const label = copy("several", { count: shops.length }).textContent;
  const closer = () => map.flyToBounds(bounds, { padding: [40, 40], animate: !still, duration: 0.3 });
  const made = marker(bounds.getCenter(), "many", label, closer);
  made.getElement().dataset.count = shops.length;
}

function tell(shop) {
  const said = copy("shop", { name: shop.name, kind: shop.kind, sse: shop.sse ? undefined : null });
  const content = said.firstElementChild;
  if (shop.sse) content.querySelector('[data-slot="sse"]').hidden = false;
  const popup = L.popup({ closeButton: true, autoPanPadding: [24, 24] }).setLatLng(shop.at).setContent(content);
  popup.openOn(map);
  const close = popup.getElement()?.querySelector(".leaflet-popup-close-button");
  close?.setAttribute("aria-label", box.dataset.close);
  close?.focus({ preventScroll: true });
  popup.on("remove", () => shop.marker?.getElement()?.focus({ preventScroll: true }));
}
