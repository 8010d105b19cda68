import { application } from "./start.js";
import Modal from "./controllers/modal.js";
import Panes from "./controllers/panes.js";
import Selection from "./controllers/selection.js";
import Shortcuts from "./controllers/shortcuts.js";

application.register("modal", Modal);
application.register("panes", Panes);
application.register("selection", Selection);
application.register("shortcuts", Shortcuts);
