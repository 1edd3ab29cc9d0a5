"""HTML and SVG as trees, so that no text of a stranger's can become markup."""

from xml.etree.ElementTree import Element, tostring

Content = Element | str


def tag(name: str, /, *content: Content, **attributes: str | float) -> Element:
    """
    Return an element.

    In names of attributes an underscore stands for a dash, and one at the end for nothing.
    """
    element = Element(name)
    for key, value in attributes.items():
        text = value if isinstance(value, str) else f"{value:g}"
        element.set(key.rstrip("_").replace("_", "-"), text)
    last = None
    for each in content:
        if isinstance(each, Element):
            element.append(each)
            last = each
        elif last is None:
            element.text = (element.text or "") + each
        else:
            last.tail = (last.tail or "") + each
    return element


def document(root: Element) -> str:
    """Return a page with this as its root."""
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"
