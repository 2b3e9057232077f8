"""Pure text: score parsing, templates, chat formatting. Text in, value out."""
