/* A small reader of the pages that fovea writes: tags must close, and nothing may run or be fetched. */
#ifndef FOVEA_TESTS_PAGE_CHECK_H
#define FOVEA_TESTS_PAGE_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PAGE_DEPTH 64

struct page_check {
    const char *at;
    char open[PAGE_DEPTH][32];
    int depth, pictures, tags;
    char fault[256]; /* empty: none */
};

static bool page_fault(struct page_check *check, const char *what, const char *name)
{
    snprintf(check->fault, sizeof check->fault, "%s '%s' near: %.80s", what, name, check->at);
    return false;
}

static bool page_is(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(name, *list) == 0)
            return true;
    }
    return false;
}

/* One attribute at `at`; false at the tag's end. */
static bool page_attribute(struct page_check *check, char name[32], char value[32])
{
    size_t length = 0;
    check->at += strspn(check->at, " \n");
    if (*check->at == '>' || *check->at == 0 || (check->at[0] == '/' && check->at[1] == '>'))
        return false;
    for (; *check->at && !strchr(" =/>\n", *check->at); check->at++) {
        if (length + 1 < 32)
            name[length++] = *check->at;
    }
    name[length] = value[0] = 0;
    if (*check->at != '=')
        return length > 0 || page_fault(check, "stray character in tag", "");
    check->at++;
    char end = *check->at == '"' || *check->at == '\'' ? *check->at++ : 0;
    length = 0;
    for (; *check->at && (end ? *check->at != end : !strchr(" >\n", *check->at)); check->at++) {
        if (length + 1 < 32)
            value[length++] = *check->at;
    }
    value[length] = 0;
    check->at += end != 0;
    return true;
}

/* A link that whoever reads may follow. */
static bool page_leads_to_paper(const char *tag, const char *value)
{
    static const char papers[] = "https://arxiv.org/abs/";
    size_t length = strlen(papers);
    return strcmp(tag, "a") == 0 && strncmp(value, papers, length) == 0 &&
           value[length + strspn(value + length, "0123456789.")] == 0;
}

static bool page_open_tag(struct page_check *check, const char *tag)
{
    static const char *const forbidden[] = {"script", "iframe", "object", "embed", "form",
                                            "base",   "audio",  "video",  NULL};
    static const char *const empty[] = {"meta", "link", "br", "img", NULL};
    char name[32], value[32];
    bool alternative = false;
    if (page_is(tag, forbidden))
        return page_fault(check, "forbidden element", tag);
    while (page_attribute(check, name, value)) {
        if (strncmp(name, "on", 2) == 0)
            return page_fault(check, "handler", name);
        if ((strcmp(name, "src") == 0 || strcmp(name, "href") == 0) && value[0] != '#' && strncmp(value, "data:", 5) &&
            !page_leads_to_paper(tag, value))
            return page_fault(check, "something is fetched:", value);
        alternative = alternative || (strcmp(name, "alt") == 0 && value[0]);
    }
    if (check->fault[0] || *check->at == 0)
        return page_fault(check, "tag without end", tag);
    bool closed = *check->at == '/';
    check->at += closed ? 2 : 1;
    check->pictures += strcmp(tag, "img") == 0;
    if (strcmp(tag, "img") == 0 && !alternative)
        return page_fault(check, "no text alternative", tag);
    if (closed || page_is(tag, empty))
        return true;
    if (check->depth == PAGE_DEPTH)
        return page_fault(check, "too deep", tag);
    snprintf(check->open[check->depth++], 32, "%s", tag);
    return true;
}

static bool page_tag(struct page_check *check)
{
    char tag[32];
    bool closing = *check->at == '/';
    check->at += closing;
    size_t length = strcspn(check->at, " />\n");
    if (length == 0 || length >= sizeof tag)
        return page_fault(check, "no tag", "");
    memcpy(tag, check->at, length);
    tag[length] = 0;
    check->at += length;
    check->tags++;
    if (!closing)
        return page_open_tag(check, tag);
    if (check->depth == 0 || strcmp(check->open[check->depth - 1], tag) != 0)
        return page_fault(check, "not open:", tag);
    check->depth--;
    check->at += *check->at == '>';
    return true;
}

/* Whether `page` is well-formed and at rest; otherwise check->fault tells why. */
static bool page_check(struct page_check *check, const char *page)
{
    *check = (struct page_check){.at = page};
    if (strncmp(page, "<!DOCTYPE html>", 15) != 0)
        return page_fault(check, "no doctype", "");
    for (check->at += 15; *check->at;) {
        if (*check->at++ == '<' && !page_tag(check))
            return false;
    }
    return check->depth == 0 || page_fault(check, "never closed:", check->open[check->depth - 1]);
}

#endif
