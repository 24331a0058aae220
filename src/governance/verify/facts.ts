import type { HostFacts } from './host/pieces.ts';
import type { OperatorFacts } from './operator.ts';
import type { OutsideFacts } from './outside/probes.ts';

/** Everything that checks can look at. */
export interface Facts extends HostFacts, OutsideFacts, OperatorFacts {}
