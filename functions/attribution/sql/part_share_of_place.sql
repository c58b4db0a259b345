-- First, middle and last share of a place in the path; the middle one is split evenly. Without a middle the two others share it all.
            CASE
                WHEN p.path_length = 1 THEN 1e0
                WHEN p.path_length = 2 AND :{model}_first + :{model}_last = 0 THEN 5e-1
                WHEN p.path_length = 2 AND p.position = 1
                THEN CAST(:{model}_first AS double) / (:{model}_first + :{model}_last)
                WHEN p.path_length = 2 THEN CAST(:{model}_last AS double) / (:{model}_first + :{model}_last)
                WHEN p.position = 1 THEN CAST(:{model}_first AS double) / 100e0
                WHEN p.position = p.path_length THEN CAST(:{model}_last AS double) / 100e0
                ELSE CAST(:{model}_middle AS double) / 100e0 / CAST(p.path_length - 2 AS double)
            END
