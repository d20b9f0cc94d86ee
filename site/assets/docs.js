// A table that is wider than a phone scrolls sideways: let the keyboard reach it, too, and say what it is.
addEventListener("load", () => {
  for (const frame of document.querySelectorAll(".md-typeset__scrollwrap")) {
    const heads = [...frame.querySelectorAll("th")].map(head => head.textContent.trim()).filter(Boolean);
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", `Table: ${heads.join(", ")}`);
  }
});
