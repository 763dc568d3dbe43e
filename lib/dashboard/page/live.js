/** What the node sends, as it changes. */
import { useEffect, useState } from "preact/hooks";

/** The address of a view. */
export function viewUrl(how, name, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined),
  ).toString();
  return `/api/${how}/${name}${query && `?${query}`}`;
}

/** Follows a view. Calls back with the parts of the page that change, and with the connection's state. */
export function follow(name, parameters, { onView, onSummary, onState }) {
  const source = new EventSource(viewUrl("live", name, parameters));
  const read = (receive) => ({ data }) => {
    onState("live");
    receive(JSON.parse(data));
  };
  source.addEventListener("view", read(onView));
  source.addEventListener("summary", read(onSummary));
  source.onerror = () => {
    // A stream that was refused is not tried again by the browser.
    onState(source.readyState === EventSource.CLOSED ? "ended" : "lost");
  };
  return () => source.close();
}

/** One answer of a view, and again whenever a parameter or `again` changes. */
export function useOnce(name, parameters, again = 0) {
  const [answer, setAnswer] = useState({});
  const url = name && viewUrl("view", name, parameters);
  useEffect(() => {
    if (!url) return setAnswer({});
    const abort = new AbortController();
    setAnswer((before) => ({ ...before, loading: true }));
    fetch(url, { signal: abort.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`the node answers ${response.status}`);
        setAnswer({ data: await response.json() });
      })
      .catch((error) => {
        if (!abort.signal.aborted) setAnswer({ failed: error.message });
      });
    return () => abort.abort();
  }, [url, again]);
  return answer;
}
