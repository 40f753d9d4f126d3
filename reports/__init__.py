"""From run folders to tables, pictures and a page; rendered reports lie beside the code."""
