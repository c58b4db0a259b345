// The live views there are. What is not among them shows its static sections alone.

import type { View } from '../view'
import { view as budget } from './budget'
import { view as channels } from './channels'
import { view as deals } from './deals'
import { view as funnel } from './funnel'
import { view as income } from './income'
import { view as method } from './method'
import { view as models } from './models'
import { view as payback } from './payback'
import { view as plan } from './plan'
import { view as qualification } from './qualification'
import { view as summary } from './summary'
import { view as team } from './team'
import { view as traffic } from './traffic'

export const VIEWS: readonly View[] = [
  summary, plan, payback, channels, income, funnel, traffic, models, qualification, team, deals, budget, method
]
