import {
  failingReplicatedRegisters,
  pairedReplicatedRegisters,
  replicatedRegisters,
  smallReplicatedRegisters,
  storedReplicatedRegisters,
} from "./replicated_registers.ts";
import { testSeeds } from "./seed_tests.ts";

testSeeds(replicatedRegisters, 10);
testSeeds(pairedReplicatedRegisters, 4);
testSeeds(storedReplicatedRegisters, 10);
testSeeds(failingReplicatedRegisters, 20);
testSeeds(smallReplicatedRegisters, 10);
