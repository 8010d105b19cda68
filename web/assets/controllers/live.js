import { Controller } from "@hotwired/stimulus";

// Events of the server, as events of the document: opora:ticket {id, version, …} and opora:bell {unread}. Whatever shows
// a ticket carries data-ticket; with hx-trigger="opora:changed" it fetches itself anew, and glows for two seconds. After a
// gap in the stream something may have been missed, so everything does.
export default class extends Controller {
  static values = { on: Boolean, worker: String };

  connect() {
    if (!this.onValue) return;
    this.changed = new Set();
    this.glow = () => this.shine();
    document.addEventListener("htmx:after:swap", this.glow);
    try {
      this.port = new SharedWorker(this.workerValue, { type: "module", name: "opora" }).port;
      this.port.onmessage = ({ data }) => this.hear(data.type, data.data);
      this.hello = () => this.port.postMessage("open");
      this.bye = () => this.port.postMessage("close");
      window.addEventListener("pageshow", this.hello);
      window.addEventListener("pagehide", this.bye);
      this.hello();
    } catch {
      this.source = new EventSource("/live");
      for (const type of ["ticket", "bell", "refresh"]) this.source.addEventListener(type, (event) => this.hear(type, event.data));
      this.source.addEventListener("open", () => this.hear("open", "{}"));
    }
  }

  disconnect() {
    document.removeEventListener("htmx:after:swap", this.glow);
    window.removeEventListener("pageshow", this.hello);
    window.removeEventListener("pagehide", this.bye);
    this.port?.postMessage("close");
    this.source?.close();
  }

  hear(type, text) {
    const detail = JSON.parse(text);
    if (type === "refresh" || (type === "open" && this.element.dataset.live === "open")) this.renew();
    if (type === "open") this.element.dataset.live = "open";
    if (type === "ticket") {
      for (const element of document.querySelectorAll(`[data-ticket="${CSS.escape(detail.id)}"]`)) {
        if (Number(element.dataset.version ?? 0) >= detail.version) continue;
        this.changed.add(String(detail.id));
        element.dispatchEvent(new CustomEvent("opora:changed"));
      }
    }
    document.dispatchEvent(new CustomEvent(`opora:${type}`, { detail }));
  }

  renew() {
    const asked = new Set();
    for (const element of document.querySelectorAll("[data-ticket][hx-get]")) {
      const address = element.getAttribute("hx-get");
      if (!asked.has(address)) element.dispatchEvent(new CustomEvent("opora:changed"));
      asked.add(address);
    }
  }

  shine() {
    for (const id of this.changed) {
      for (const element of document.querySelectorAll(`[data-ticket="${CSS.escape(id)}"]`)) {
        element.classList.add("glow");
        element.addEventListener("animationend", () => element.classList.remove("glow"), { once: true });
      }
    }
    this.changed.clear();
  }
}
