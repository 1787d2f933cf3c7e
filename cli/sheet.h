/* Rows of a label and a text beside it, wrapped at the width of the terminal, for people at a terminal. Every
 * piece is made visible (base/text.h), and in colour only when asked to. Lists and pieces without end are
 * cut, and say so. Columns are characters: double-width ones are counted as one. */
#ifndef CTVIGIL_SHEET_H
#define CTVIGIL_SHEET_H

#include "base/buf.h"

#define SHEET_COLUMNS       80  /* where no width is known */
#define SHEET_COLUMNS_LEAST 40  /* below, a label would leave no room for what it labels */
#define SHEET_COLUMNS_MOST  120 /* longer lines are hard to read */
#define SHEET_INDENT        15
#define SHEET_LIST_MOST     100 /* members of one list, unless all are wanted */
#define SHEET_TEXT_MOST     400 /* bytes of one piece, unless all are wanted */

enum sheet_style { SHEET_PLAIN, SHEET_STRONG, SHEET_FAINT, SHEET_GOOD, SHEET_ODD, SHEET_BAD };

struct sheet {
    struct buf *out;
    struct buf piece;
    bool color;
    bool all;     /* nothing is cut */
    size_t width; /* columns of a line */
    size_t column;
    size_t row;   /* where the current one begins in `out` */
    size_t hang;  /* further columns in front of what is wrapped */
    bool next;    /* a new line is due before anything else */
    bool begun;   /* the line has something in it */
    bool fresh;   /* nothing but a tag */
    bool filled;  /* the row has */
    size_t shown; /* of the current list */
    size_t hidden;
};

/* `out` outlives the sheet and is appended to. `columns` of the terminal; 0: not known. */
void sheet_begin(struct sheet *sheet, struct buf *out, size_t columns, bool color, bool all);
void sheet_end(struct sheet *sheet);

/* A line of its own without label. */
void sheet_title(struct sheet *sheet, enum sheet_style style, struct span text);
/* Begins a row; what follows stands beside the label. */
void sheet_row(struct sheet *sheet, const char *label);
/* Takes the row back when nothing stands in it. */
void sheet_drop(struct sheet *sheet);
/* What follows stands on the next line of the same row; nothing when the row is at the beginning of one. */
void sheet_next(struct sheet *sheet);
/* The same, with a faint word of `width` columns in front; what follows stays beside it. */
void sheet_tag(struct sheet *sheet, const char *tag, int width);
/* The lines that are wrapped until the next line are indented further. */
void sheet_hang(struct sheet *sheet, size_t columns);
/* Text that may be wrapped at its spaces. */
void sheet_words(struct sheet *sheet, enum sheet_style style, struct span text);
void sheet_fmt(struct sheet *sheet, enum sheet_style style, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* One member of a list with commas in between, not wrapped inside. */
void sheet_item(struct sheet *sheet, enum sheet_style style, struct span text);

/* Begins a list; sheet_lists asks for each member whether it is to be shown, sheet_unlist ends the list with
 * how many were not. */
void sheet_list(struct sheet *sheet);
bool sheet_lists(struct sheet *sheet);
void sheet_unlist(struct sheet *sheet);

#endif
