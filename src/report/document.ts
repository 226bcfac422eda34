/** @file What charts are drawn with. */

/** The part of a DOM node that is used here: the core is compiled without the DOM library. */
export interface SvgNode {
  setAttribute(name: string, value: string): void;
  append(...nodes: SvgNode[]): void;
  readonly outerHTML: string;
}

/** A DOM document, of which this much is named here: a browser's own, or what `chartDocument` of fm-lora/node gives. */
export interface ChartDocument {
  createElementNS(namespace: string, name: string): SvgNode;
}
