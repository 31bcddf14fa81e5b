/* The parts that a report's page is written with. Strings of a report are hostile: they reach the page through
 * page_text and page_tagged only, which escape and shorten them; page_html takes what this program itself says. */
#ifndef FOVEA_REPORT_PAGE_H
#define FOVEA_REPORT_PAGE_H

#include "base/document.h"
#include "base/text.h"

#define PAGE_NAME 96   /* bytes shown of a name */
#define PAGE_PROSE 800 /* of a sentence */

struct page {
    struct text text;
    struct memory *memory;
    const json_t *report;
    const char *folder;  /* of the pictures; NULL: none are embedded */
    size_t picture_left; /* bytes of pictures that may still be embedded */
    json_t *places;      /* of nodes in the drawn graph (html_graph.c); NULL: not looked up */
};

#define page_html(page, ...) text_print(&(page)->text, __VA_ARGS__)
/* Escaped; more than `most` bytes lose their middle. NULL writes nothing. */
void page_text(struct page *page, const char *text, size_t most);
/* The same, its "arXiv 2307.14179" links to the papers. */
void page_cited(struct page *page, const char *text, size_t most);
/* <TAG>text</TAG>; `tag` may have attributes ("td class=x"). */
void page_tagged(struct page *page, const char *tag, const char *text, size_t most);
/* Picture `file` of the folder as <img>, with its text alternative as printf; where it cannot be embedded a line that
 * says so. Names with a path and files that are no PNG are refused. */
void page_picture(struct page *page, const char *file, const char *alternative);

/* 11.7 M; 3.1 MiB; 0.0123; an infinite or missing number is a dash. */
void page_count(struct page *page, double count);
void page_bytes(struct page *page, double bytes);
void page_number(struct page *page, double number);
/* A share of 1 as a bar and a percentage; NAN is a dash. */
void page_share(struct page *page, double share);
/* "1 x 3 x 224 x 224" of a list of whole numbers. */
void page_shape(struct page *page, const json_t *dims);

/* A table in a box that scrolls sideways: headings separated by '|', those with a leading '#' are of numbers. */
void page_table_start(struct page *page, const char *caption, const char *headings);
void page_table_end(struct page *page);

/* Parts of a document, whatever it holds: NULL or NAN where there is no such thing. */
const char *json_text_of(const json_t *object, const char *key);
double json_number_of(const json_t *object, const char *key);
double json_value_of(const json_t *number);
double json_at(const json_t *array, size_t index);

#endif
