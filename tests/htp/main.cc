// The emulator starts its own program again as a worker: so this one has a main() that knows that.
#include <gmock/gmock.h>

#include "htp/worker.h"

int main(int argc, char** argv) {
  if (lapidary::htp::is_worker(argc, argv)) return lapidary::htp::run_worker(argc, argv);
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
