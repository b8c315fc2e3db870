// h makes an element. Attributes that are null or false are left out.

type Child = Node | string | null;

export function h(tag: string, attributes: Record<string, string | boolean | null>, ...children: Child[]): HTMLElement {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== null));
  return e;
}
