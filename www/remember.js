// Form values that are still there after a reload. The key is never given to this file.

/** Fills `field` with what it held last time and stores what it holds from now on. */
export function remember(field) {
  recall(field);
  field.addEventListener("input", () => write(nameOf(field), field.type === "checkbox" ? field.checked : field.value));
}

/** Fills `field` with what it held last time: for a select, again once its options are known. */
export function recall(field) {
  const kept = read(nameOf(field));
  if (kept !== null) field.type === "checkbox" ? (field.checked = kept === "true") : (field.value = kept);
  // A select that no longer has the remembered option shows nothing at all: back to its first.
  if (field instanceof HTMLSelectElement && field.selectedIndex < 0) field.selectedIndex = 0;
}

function nameOf(field) {
  return `tabagent.${field.id}`;
}

// Storage may be switched off by the user; the page works without it.
function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, String(value));
  } catch {
    // Nothing to tell: the value simply is not remembered.
  }
}
