import type { DefaultTreeAdapterTypes } from 'parse5';

type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.Node;

/** An element as far as its own tag says. */
export interface Tag {
  readonly tagName: string;
  readonly attrs: readonly { readonly name: string; readonly value: string }[];
}

/** All nodes below `root` in document order, without recursion: a hostile mail nests deeper than the stack. Not into <template>. */
export function* nodesOf(root: Node): Generator<Node> {
  const waiting: Node[] = [root];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    yield node;
    if ('childNodes' in node)
      for (let i = node.childNodes.length; i > 0; i--) waiting.push(node.childNodes[i - 1] ?? root);
  }
}

/** The elements around a node, innermost first; the node itself too when it is one. */
export function chainOf(node: Node): Element[] {
  const chain: Element[] = [];
  for (let at: Node | null = node; at; at = 'parentNode' in at ? at.parentNode : null) {
    if ('tagName' in at) chain.push(at);
  }
  return chain;
}

/** The value of an attribute; null when it is not there. */
export function attributeOf(element: Tag, name: string): string | null {
  return element.attrs.find((attribute) => attribute.name === name)?.value ?? null;
}

/** The characters directly inside an element. */
export function textOf(element: Element): string {
  return element.childNodes
    .map((child) => (child.nodeName === '#text' && 'value' in child ? child.value : ''))
    .join('');
}
