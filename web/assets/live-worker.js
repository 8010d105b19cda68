// One stream of server-sent events for all tabs: a browser opens at most six connections to a host.
const ports = new Set();
let source = null;

const opened = { type: "open", data: "{}" };
const tell = (message) => ports.forEach((port) => port.postMessage(message));

function open() {
  if (source && source.readyState !== EventSource.CLOSED) return;
  source = new EventSource("/live");
  source.addEventListener("open", () => tell(opened));
  for (const type of ["ticket", "bell", "refresh"]) source.addEventListener(type, (event) => tell({ type, data: event.data }));
}

// A page says "open" when it is shown and "close" when it goes; the last one to go closes the stream.
self.addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data === "open") {
      if (!ports.has(port) && source?.readyState === EventSource.OPEN) port.postMessage(opened);
      ports.add(port);
      return open();
    }
    ports.delete(port);
    if (ports.size > 0) return;
    source?.close();
    source = null;
  };
});
