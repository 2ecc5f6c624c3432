// Asks how Tandem is doing, once a second, and shows it. Counters become rates here: the server keeps no history.
import { Chart } from "./charts.js";
import { duration, plain, whole } from "./labels.js";
import "./page.css";

const config = JSON.parse(document.getElementById("status-config").textContent);
const KEPT = "tandem:status:token";
const SHADES = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"];
const STATES = { LIVE: ["live", "good"], CATCHING_UP: ["catching up", "fair"], REBUILDING: ["rebuilding", "fair"], HALTED: ["halted", "bad"] };
const $ = (id) => document.getElementById(id);

let token = config.token ?? sessionStorage.getItem(KEPT);
let charts;
let before = {}; // what was told last, by process: several may answer at one address

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function begin(names) {
  const place = $("charts");
  charts = {
    flow: new Chart(place, { title: "Events", unit: "a second", format: plain, series: [{ label: "written", shade: "write" }, { label: "applied by the slowest", shade: "read" }] }),
    latency: new Chart(place, { title: "How long commands take", unit: "this process", format: duration, series: [{ label: "half", shade: "series-1" }, { label: "95 %", shade: "series-2" }, { label: "99 %", shade: "series-3" }] }),
    lag: new Chart(place, { title: "Events not shown yet", unit: "by read table", format: whole, series: names.map((label, at) => ({ label, shade: SHADES[at % SHADES.length] })) }),
    commands: new Chart(place, { title: "Commands", unit: "a second, this process", format: plain, series: [{ label: "accepted", shade: "series-1" }, { label: "replayed or dry run", shade: "series-4" }, { label: "refused", shade: "series-2" }, { label: "failed", shade: "bad" }] }),
  };
}

// The value below which a share of what was counted lies, as far as the buckets tell: between its bounds, evenly.
function quantile(share, buckets) {
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const at = buckets.findIndex(([, count]) => count >= share * all);
  const [most, count] = buckets[at];
  const [least, below] = at > 0 ? buckets[at - 1] : [0, 0];
  return most === null ? least : least + ((most - least) * (share * all - below)) / Math.max(1, count - below);
}

function rates(now) {
  const last = before[now.process];
  before = { ...before, [now.process]: now };
  if (!last) return null;
  const seconds = now.time - last.time;
  const since = (a, b) => (a == null || b == null ? null : Math.max(0, a - b) / seconds);
  const slowest = (status) => status.projections && Math.min(...status.projections.map(({ applied }) => applied));
  const buckets = now.durations.map(([most, count], at) => [most, count - (last.durations[at]?.[1] ?? 0)]);
  return {
    written: since(now.events, last.events),
    applied: since(slowest(now), slowest(last)),
    outcomes: Object.fromEntries(Object.entries(now.commands).map(([name, count]) => [name, since(count, last.commands[name] ?? 0)])),
    quantiles: [0.5, 0.95, 0.99].map((share) => quantile(share, buckets)),
  };
}

function troubles({ parts, projections }) {
  const found = [];
  for (const store of ["write", "read"])
    if (parts[store] !== "ok") found.push([`The ${store} database: ${parts[store]}.`, store === "write" ? "No command can be carried out." : "No query can be answered.", "bad"]);
  if (parts.redis !== "ok") found.push([`Redis: ${parts.redis}.`, "Commands go on; read tables follow a second or two behind, by the sweep.", "fair"]);
  for (const { name, halted } of projections ?? [])
    for (const reason of halted) found.push([`${name} is halted.`, reason, "bad"]);
  for (const { name, quarantined } of projections ?? [])
    if (quarantined) found.push([`${name} has set ${whole(quarantined)} ${quarantined === 1 ? "stream" : "streams"} aside.`, "Their rows say stale; all others flow.", "bad"]);
  return found;
}

function verdict(status, found) {
  const behind = Math.max(0, ...(status.projections ?? []).map(({ lagSeconds }) => lagSeconds));
  const worst = found.some(([, , kind]) => kind === "bad") ? "bad" : found.length || behind > 5 ? "fair" : "good";
  say({ bad: "Needs attention", fair: found.length ? "Running, with one thing missing" : `Catching up, ${duration(behind)} behind`, good: "All is well" }[worst], worst);
}

function say(text, kind) {
  $("verdict").textContent = text;
  $("verdict").className = `pill ${kind}`;
}

function number(label, value, note, kind) {
  const made = element("div", undefined, kind);
  made.append(element("dt", label), element("dd", value), element("p", note));
  return made;
}

function showNumbers(status, now) {
  const known = status.projections ?? [];
  const most = Math.max(0, ...known.map(({ lag }) => lag));
  const oldest = Math.max(0, ...known.map(({ lagSeconds }) => lagSeconds));
  const aside = known.reduce((sum, { quarantined }) => sum + quarantined, 0);
  const p95 = now?.quantiles[1];
  const unknown = status.projections ? "" : "not known";
  $("numbers").replaceChildren(
    number("In the log", status.events == null ? "–" : whole(status.events), unknown || "events"),
    number("Written", now?.written == null ? "–" : plain(now.written), "events a second"),
    number("Behind", unknown ? "–" : whole(most), unknown || (most ? `events, the oldest ${duration(oldest)} old` : "all is shown"), most > 1000 ? "fair" : ""),
    number("Commands", p95 == null ? "–" : duration(p95), p95 == null ? "none at the moment" : "95 % take no longer"),
    number("Set aside", unknown ? "–" : whole(aside), unknown || (aside ? "streams, see below" : "no stream"), aside ? "bad" : ""),
    number("Live", whole(status.streams), "subscribers of this process"),
  );
}

function projectionRow({ name, state, head, applied, lag, lagSeconds, quarantined, rebuildProgress }) {
  const row = document.createElement("tr");
  const [said, kind] = STATES[state];
  const shown = rebuildProgress == null ? said : `${said} ${Math.floor(100 * rebuildProgress)} %`;
  const pill = element("td");
  pill.append(element("span", shown, `pill ${kind}`));
  const bar = document.createElement("progress");
  [bar.max, bar.value] = [Math.max(1, head), Math.max(head ? 0 : 1, applied)];
  const progress = element("td", `${whole(applied)} `);
  progress.append(bar);
  row.append(element("th", name), pill, progress, element("td", whole(lag)), element("td", lagSeconds ? duration(lagSeconds) : "–"), element("td", quarantined ? whole(quarantined) : "–", quarantined ? "bad" : ""));
  return row;
}

function asideRow({ projection, stream, event, since, error }) {
  const row = document.createElement("tr");
  row.append(element("th", projection), element("td", stream, "code"), element("td", event), element("td", new Date(since).toLocaleString()), element("td", error));
  return row;
}

function show(status) {
  if (status.time <= (before[status.process]?.time ?? 0)) return; // told already
  if (!charts && status.projections) begin(status.projections.map(({ name }) => name));
  const now = rates(status);
  const found = troubles(status);
  verdict(status, found);
  $("troubles").replaceChildren(
    ...found.map(([what, more, kind]) => {
      const made = element("li", undefined, kind);
      made.append(element("strong", what), ` ${more}`);
      return made;
    }),
  );
  showNumbers(status, now);
  if (status.projections) $("projections").replaceChildren(...status.projections.map(projectionRow));
  $("quarantine").hidden = !status.setAside.length;
  $("streams").replaceChildren(...status.setAside.map(asideRow));
  $("of-process").textContent = `What commands take and come to is told by the API process that answers, ${status.process}; all else by the stores.`;
  if (!charts) return;
  const { accepted, replayed, dry_run, refused, failed } = now?.outcomes ?? {};
  const both = now ? (replayed ?? 0) + (dry_run ?? 0) : null;
  charts.flow.add(status.time, [now?.written ?? null, now?.applied ?? null]);
  charts.latency.add(status.time, now?.quantiles ?? [null, null, null]);
  charts.lag.add(status.time, status.projections?.map(({ lag }) => lag) ?? charts.lag.series.map(() => null));
  charts.commands.add(status.time, [now ? (accepted ?? 0) : null, both, now ? (refused ?? 0) : null, now ? (failed ?? 0) : null]);
}

function signIn(why) {
  sessionStorage.removeItem(KEPT);
  token = null;
  if (why) $("why").textContent = why;
  say("Signed out", "fair");
  [$("sign-in").hidden, $("status").hidden] = [false, true];
  $("token").focus();
}

async function look() {
  try {
    const answer = await fetch(config.data, { headers: { Authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(10_000) });
    if (answer.status === 401 || answer.status === 403) return signIn((await answer.json()).errors[0].message);
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    const status = await answer.json();
    [$("sign-in").hidden, $("status").hidden] = [true, false];
    show(status);
  } catch (error) {
    say("The API does not answer", "bad");
    console.debug(error);
  }
}

async function watch() {
  while (token) {
    const began = performance.now();
    if (!document.hidden) await look();
    await new Promise((after) => setTimeout(after, Math.max(100, 1000 - (performance.now() - began))));
  }
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token").value = "";
  sessionStorage.setItem(KEPT, token);
  watch();
});

if (token) watch();
else signIn();
