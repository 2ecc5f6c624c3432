// Another GraphiQL on the same host and port would otherwise share its tabs with this one.
const PREFIX = "tandem:";
const TABS_VERSION = `${PREFIX}tabsVersion`;
const OF_THE_TABS = ["tabState", "query", "variables", "headers", "operationName"];

const ownKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

/** Keeps tabs, history and theme; tabs stay only while the page still ships the ones that they came from. */
export function visitorStorage(tabsVersion) {
  try {
    if (localStorage.getItem(TABS_VERSION) !== tabsVersion) {
      OF_THE_TABS.forEach((name) => localStorage.removeItem(`${PREFIX}graphiql:${name}`));
      localStorage.setItem(TABS_VERSION, tabsVersion);
    }
  } catch {
    return null; // Blocked by the visitor: GraphiQL then remembers nothing.
  }
  return {
    getItem: (key) => localStorage.getItem(PREFIX + key),
    setItem: (key, value) => localStorage.setItem(PREFIX + key, value),
    removeItem: (key) => localStorage.removeItem(PREFIX + key),
    clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return ownKeys().length;
    },
  };
}
