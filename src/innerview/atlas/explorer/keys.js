// Keys. Letters and signs are left alone where something is typed; arrows wherever they have a use of their own.
"use strict";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Let keys steer; `explorer` has move, step, let go, and so on. */
function listenToKeys(explorer) {
  const { map } = explorer;
  const actions = {
    "+": () => map.zoom(2),
    "=": () => map.zoom(2),
    "-": () => map.zoom(0.5),
    0: () => map.home(),
    "/": () => explorer.first.input.focus(),
    "[": () => explorer.step(-1),
    "]": () => explorer.step(1),
    "?": () => find("help").showModal(),
    Escape: () => explorer.letGo(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
    const isTyped = event.target.matches("input, textarea, select");
    if (isTyped) return;
    const arrow = event.target.closest("aside") ? null : ARROWS[event.key]; // the panel may scroll
    const action = arrow ? () => (event.shiftKey ? map.pan(...arrow) : explorer.move(...arrow)) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
