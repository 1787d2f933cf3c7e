/* A parsed certificate as people read it: who, for which names, by whom, from when to when, with which key,
 * for what, and what is odd about it. Bytes of the certificate are made visible; nothing is cut off in
 * silence. */
#ifndef CTVIGIL_CERTHUMAN_H
#define CTVIGIL_CERTHUMAN_H

#include "cli/certview.h"

struct certhuman {
    int64_t now_s;  /* Unix seconds: what is expired, and since when */
    size_t columns; /* of the terminal, which lines are wrapped at; 0: not known */
    bool color;     /* with escape sequences for a terminal */
    bool all;       /* every member of every list, every byte of every text */
};

/* Appends to `out`, with an empty line at the end. */
void certhuman_text(const struct certview *view, const struct certhuman *how, struct buf *out);

#endif
