#include "base/format.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* The calling thread's alone; glibc and musl hold "C" ready, nothing is allocated. */
struct plain_locale {
    locale_t plain, host;
};

static struct plain_locale enter_plain(void)
{
    struct plain_locale locale = {.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    locale.host = locale.plain ? uselocale(locale.plain) : (locale_t)0;
    return locale;
}

static void leave_plain(struct plain_locale locale)
{
    if (!locale.plain)
        return;
    uselocale(locale.host);
    freelocale(locale.plain);
}

int text_format_list(char *out, size_t size, const char *format, va_list arguments)
{
    struct plain_locale locale = enter_plain();
    int length = vsnprintf(out, size, format, arguments);
    leave_plain(locale);
    return length;
}

int text_format(char *out, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = text_format_list(out, size, format, arguments);
    va_end(arguments);
    return length;
}

double text_number(const char *text, char **end)
{
    struct plain_locale locale = enter_plain();
    double number = strtod(text, end);
    leave_plain(locale);
    return number;
}

static int lower(char character)
{
    return character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : (unsigned char)character;
}

int text_compare_caseless(const char *a, const char *b, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        if (lower(a[i]) != lower(b[i]) || !a[i])
            return lower(a[i]) - lower(b[i]);
    }
    return 0;
}
