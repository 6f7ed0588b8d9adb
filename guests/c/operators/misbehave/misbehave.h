// What both files of this operator know.
#ifndef MISBEHAVE_H
#define MISBEHAVE_H

#include "millstream.h"

// Breaks the rule that the order names; false: it names none.
bool break_rule(ms_text order, uint32_t row);

// Does what never ends well. Returns where there is no such order, or where the machine let it pass.
void do_wrong(ms_text order);

#define IS(order, name) ms_equal(order, ms_text_of(name))

#endif
