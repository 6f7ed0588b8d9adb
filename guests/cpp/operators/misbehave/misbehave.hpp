// What both files of this operator know.
#ifndef MISBEHAVE_HPP
#define MISBEHAVE_HPP

#include <millstream.hpp>

namespace ms = millstream;

// Breaks the rule that the order names; false: it names none.
bool break_rule(ms::Bytes order, std::uint32_t row);

// Does what never ends well. Returns where there is no such order, or where the machine let it pass.
void do_wrong(ms::Bytes order);

#endif
