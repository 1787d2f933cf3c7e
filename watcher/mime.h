/* A mail: headers that no text can break out of, and a text with its HTML alternative (RFC 5322, 2045 to
 * 2047). Lines end with CR LF, none is longer than 998 bytes, all of it is ASCII. */
#ifndef CTVIGIL_MIME_H
#define CTVIGIL_MIME_H

#include "base/buf.h"

struct mime_mail {
    const char *from; /* an address: mime_address */
    const char *const *to;
    size_t to_count;
    const char *subject;    /* UTF-8; what is not printable ASCII is encoded */
    const char *message_id; /* "id@domain", without brackets */
    const char *thread_id;  /* the same for all mails about one thing; NULL: none */
    int64_t unix_ms;        /* of the Date header */
    const char *text;       /* UTF-8, lines end with LF */
    const char *html;
};

/* Is it an address that may stand in a header and in an SMTP command: local@domain, printable ASCII, no
 * quotes, brackets, commas, blanks? */
bool mime_address(const char *text);
void mime_put(struct buf *out, const struct mime_mail *mail);

/* Appends `text` with the five characters of HTML as entities. */
void mime_html(struct buf *out, const char *text);

#endif
