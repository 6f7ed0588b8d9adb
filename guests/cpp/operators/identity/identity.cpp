// Passes every record on as it is: what the boundary costs, and nothing else.
#include <millstream.hpp>

namespace ms = millstream;

struct Identity {
  static ms::Description describe() { return {.name = "identity"}; }
  static ms::Result<Identity> open(ms::Config &) { return Identity{}; }

  ms::Outcome process_batch(ms::Context &context) {
    context.forward_all();
    return ms::done;
  }
};
MILLSTREAM_OPERATOR(Identity)
